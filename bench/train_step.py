"""One training step of each encoder in PyTorch, at the sizes of bench/train.ts: what its times are held against.

Reads one JSON object from the command line (encoder, users, items, full, threads, batch, steps, warmUp, length) and
prints the median milliseconds of a step. Forward, backward and optimiser; embedding tables with sparse gradients and
SparseAdam, or dense Adam: the faster of the two is what counts.
"""

import json
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

D, HIDDEN, FIELD, VALUES, PARTS = 64, 128, 16, 101, 2
TEMPERATURE, VIEW_TEMPERATURE, DROPOUT = 0.1, 0.2, 0.1


class Context(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.outer = nn.Linear(D + FIELD, D), nn.Linear(D, D)

    def forward(self, context):
        return self.outer(F.relu(self.inner(context)))


class Pooled(nn.Module):
    all_positions = False

    def __init__(self, length):
        super().__init__()
        width = 2 * D + FIELD
        self.rate = nn.Parameter(torch.tensor(-1.5))
        self.ages = torch.arange(length - 1, -1, -1.0)
        self.inner, self.outer, self.skip = nn.Linear(width, HIDDEN), nn.Linear(HIDDEN, D), nn.Linear(width, D, False)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x, context, last):
        weights = torch.exp(-torch.exp(self.rate) * self.ages)
        pooled = torch.einsum("bld,l->bd", x, weights / weights.sum())
        h = self.dropout(torch.cat([pooled, context], 1))
        return (self.outer(F.relu(self.inner(h))) + self.skip(h)).unsqueeze(1)


class MultiDecay(nn.Module):
    all_positions = True
    decays = 7

    def __init__(self, length):
        super().__init__()
        t = torch.arange(length)
        ages = (t[:, None] - t[None, :]).float()
        self.causal, self.ages = (ages >= 0).float(), ages.clamp(min=0)
        self.rates = nn.Parameter(torch.linspace(-3, 0, self.decays)[:, None, None])
        self.inner, self.outer = nn.Linear((self.decays + 2) * D, HIDDEN), nn.Linear(HIDDEN, D)
        self.norm, self.dropout, self.context = nn.LayerNorm(D), nn.Dropout(DROPOUT), Context()

    def forward(self, x, context, last):
        b, length, _ = x.shape
        x = self.dropout(x * D**0.5)
        causal, ages = (self.causal[-1:], self.ages[-1:]) if last else (self.causal, self.ages)
        w = torch.cat([torch.exp(-torch.exp(self.rates) * ages) * causal, causal[None]], 0)
        w = w / w.sum(-1, keepdim=True)
        times = w.shape[1]
        means = (w.reshape(-1, length) @ x).reshape(b, self.decays + 1, times, D).permute(0, 2, 1, 3)
        own = x[:, -1:] if last else x
        h = torch.cat([own, means.reshape(b, times, -1)], 2)
        out = self.outer(self.dropout(F.gelu(self.inner(h)))) + means[:, :, -1]
        return (self.norm(out) + self.context(context)[:, None]).reshape(b * times, 1, D)


class SasRec(nn.Module):
    all_positions = True

    def __init__(self, length):
        super().__init__()
        self.place = nn.Parameter(torch.randn(length, D) * 0.02)
        self.barred = torch.triu(torch.ones(length, length), 1) * -1e4
        self.blocks = nn.ModuleList()
        for _ in range(2):
            self.blocks.append(
                nn.ModuleList(
                    [nn.LayerNorm(D), nn.Linear(D, 3 * D), nn.Linear(D, D), nn.LayerNorm(D), nn.Linear(D, HIDDEN)]
                    + [nn.Linear(HIDDEN, D)]
                )
            )
        self.norm, self.dropout, self.context = nn.LayerNorm(D), nn.Dropout(DROPOUT), Context()

    def forward(self, x, context, last):
        b, length, _ = x.shape
        x = self.dropout(x * D**0.5 + self.place)
        for norm1, qkv, join, norm2, inner, outer in self.blocks:
            q, k, v = qkv(norm1(x)).reshape(b, length, 3, 2, D // 2).permute(2, 0, 3, 1, 4)
            a = torch.softmax(q @ k.transpose(-1, -2) / (D // 2) ** 0.5 + self.barred, -1) @ v
            x = x + self.dropout(join(a.transpose(1, 2).reshape(b, length, D)))
            x = x + self.dropout(outer(self.dropout(F.gelu(inner(norm2(x))))))
        wanted = x[:, -1:] if last else x
        return (self.norm(wanted) + self.context(context)[:, None]).reshape(-1, 1, D)


class Gru(nn.Module):
    all_positions = True

    def __init__(self, length):
        super().__init__()
        self.gru, self.out = nn.GRU(D, HIDDEN, batch_first=True), nn.Linear(HIDDEN, D)
        self.dropout, self.context = nn.Dropout(DROPOUT), Context()

    def forward(self, x, context, last):
        states, _ = self.gru(self.dropout(x * D**0.5))
        wanted = states[:, -1:] if last else states
        return (self.out(self.dropout(wanted)) + self.context(context)[:, None]).reshape(-1, 1, D)


class MultiInterest(nn.Module):
    all_positions = False

    def __init__(self, length):
        super().__init__()
        self.inner, self.outer, self.context = nn.Linear(D, HIDDEN), nn.Linear(HIDDEN, 4), Context()
        self.rate = nn.Parameter(torch.full((4, 1), -1.5))
        self.ages = torch.arange(length - 1, -1, -1.0)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x, context, last):
        x = self.dropout(x * D**0.5)
        logits = self.outer(torch.tanh(self.inner(x))).transpose(1, 2) - torch.exp(self.rate) * self.ages
        return torch.softmax(logits, 2) @ x + self.context(context)[:, None]


ENCODERS = {
    "pooled": Pooled,
    "multi-decay": MultiDecay,
    "sasrec": SasRec,
    "gru4rec": Gru,
    "multi-interest": MultiInterest,
}


class Step(nn.Module):
    def __init__(self, o, sparse):
        super().__init__()
        self.o = o
        self.users, self.items = (nn.Embedding(n + 1, D, sparse=sparse) for n in (o["users"], o["items"]))
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, 0, 0.05)
        self.user_field, self.item_field = nn.Embedding(VALUES, FIELD), nn.Embedding(VALUES, FIELD)
        self.token = nn.Linear(FIELD, D)
        self.g = nn.Sequential(nn.Linear(FIELD, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, D))
        self.encoder = ENCODERS[o["encoder"]](o["length"])

    def user_vectors(self, history, user, profile, fields, last, dropout=0.0):
        x = self.items(history) + self.token(self.item_field(fields))
        x = F.dropout(x, dropout)
        context = torch.cat([self.users(user), self.user_field(profile)], 1)
        return F.normalize(self.encoder(x, context, last), dim=-1)

    def item_vectors(self, ids, fields, dropout=0.0):
        return F.normalize(F.dropout(self.items(ids), dropout) + self.g(self.item_field(fields)), dim=-1)

    def forward(self, b):
        o = self.o
        users = self.user_vectors(b["history"], b["user"], b["profile"], b["fields"], False)
        candidates = self.item_vectors(b["candidates"], b["candidate_fields"])  # [C, D] or [PARTS, C, D]
        if candidates.dim() == 2:
            target = candidates[b["target"]]
            pick = (users @ target.unsqueeze(2)).argmax(1).squeeze(1)
            q = users[torch.arange(len(users)), pick]
            logits = q @ candidates.T / TEMPERATURE + b["seen"].repeat_interleave(len(q) // len(b["seen"]), 0)
        else:
            index = b["target"].reshape(PARTS, -1)
            target = torch.gather(candidates, 1, index.unsqueeze(2).expand(-1, -1, D)).reshape(-1, D)
            pick = (users @ target.unsqueeze(2)).argmax(1).squeeze(1)
            q = users[torch.arange(len(users)), pick]
            logits = q.reshape(PARTS, -1, D) @ candidates.transpose(1, 2) / TEMPERATURE + b["bias"]
            logits = logits.reshape(len(q), -1)
        loss = F.cross_entropy(logits, b["target"])
        pairs = b["pairs"]
        loss = loss + 0.5 * self.item_to_user(target[pairs], q[pairs], b["has_item"])
        mean = F.normalize(users[pairs].mean(1), dim=-1)
        view = self.user_vectors(b["view_history"], b["view_user"], b["view_profile"], b["view_fields"], True, 0.1)
        loss = loss + 0.1 * self.nt_xent(mean, F.normalize(view.mean(1), dim=-1))
        item_view = self.item_vectors(b["view_item"], b["view_item_fields"], 0.1)
        return loss + 0.1 * self.nt_xent(target[pairs], item_view)

    def item_to_user(self, items, users, has_item):
        n = len(items) // PARTS
        logits = items.reshape(PARTS, n, D) @ users.reshape(PARTS, n, D).transpose(1, 2) / TEMPERATURE + has_item
        return F.cross_entropy(logits.reshape(-1, n), torch.arange(n).repeat(PARTS))

    def nt_xent(self, a, b):
        n = len(a) // PARTS
        both = torch.cat([a.reshape(PARTS, n, D), b.reshape(PARTS, n, D)], 1)
        logits = both @ both.transpose(1, 2) / VIEW_TEMPERATURE
        logits = logits + torch.eye(2 * n) * -1e4
        target = torch.arange(2 * n).roll(n).repeat(PARTS)
        return F.cross_entropy(logits.reshape(-1, 2 * n), target)


def batches(o, all_positions):
    torch.manual_seed(1)
    length, pairs = o["length"], o["batch"]
    windows = (o["batch"] // PARTS // length) * PARTS if all_positions else o["batch"]
    targets = windows * length if all_positions else windows
    draw = lambda high, *shape: torch.randint(0, high, shape)
    skewed = lambda *shape: (torch.rand(*shape) ** 2 * o["items"]).long() + 1
    while True:
        b = {
            "history": skewed(windows, length),
            "user": draw(o["users"], windows) + 1,
            "profile": draw(VALUES, windows),
            "fields": draw(VALUES, windows, length),
            "pairs": draw(targets, pairs),
            "has_item": (torch.rand(PARTS, pairs // PARTS, pairs // PARTS) < 0.005).float() * -1e4,
            "view_history": skewed(pairs, length),
            "view_user": draw(o["users"], pairs) + 1,
            "view_profile": draw(VALUES, pairs),
            "view_fields": draw(VALUES, pairs, length),
            "view_item": skewed(pairs),
            "view_item_fields": draw(VALUES, pairs),
        }
        if o["full"]:
            b["candidates"] = torch.arange(o["items"] + 1)
            b["candidate_fields"] = draw(VALUES, o["items"] + 1)
            b["target"] = skewed(targets)
            b["seen"] = (torch.rand(windows, o["items"] + 1) < 0.005).float() * -1e4
        else:
            count = targets // PARTS + 512
            b["candidates"] = skewed(PARTS, count)
            b["candidate_fields"] = draw(VALUES, PARTS, count)
            b["target"] = torch.arange(targets // PARTS).repeat(PARTS)
            b["bias"] = torch.zeros(count)
        yield b


def measure(o, sparse):
    torch.manual_seed(0)
    model = Step(o, sparse)
    tables = [model.users.weight, model.items.weight]
    rest = [p for p in model.parameters() if all(p is not table for table in tables)]
    optimisers = [torch.optim.Adam(rest, 0.004)]
    optimisers.append((torch.optim.SparseAdam if sparse else torch.optim.Adam)(tables, 0.004))
    times = []
    for b, _ in zip(batches(o, model.encoder.all_positions), range(o["warmUp"] + o["steps"])):
        started = time.perf_counter()
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        model(b).backward()
        for optimiser in optimisers:
            optimiser.step()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[o["warmUp"] :])


def main():
    o = json.loads(sys.argv[1])
    torch.set_num_threads(o["threads"])
    large = o["users"] + o["items"] > 100_000
    print(min(measure(o, sparse) for sparse in ([True] if large else [True, False])))


main()

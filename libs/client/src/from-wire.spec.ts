import { Channel, DropReason, Outcome, RecallResponse } from '@mic/contracts';
import { describe, expect, it } from 'vitest';
import { fromWireResponse } from './from-wire';

describe('fromWireResponse', () => {
  it('has a name for every enum value, and UNKNOWN for those of a newer version', () => {
    const channels = Object.values(Channel).filter((value) => value !== Channel.CHANNEL_UNSPECIFIED);
    const { items, dropped } = fromWireResponse(
      RecallResponse.fromPartial({
        items: [{ itemId: 'i', score: 0.5, category: 'drama', sources: channels.map((channel) => ({ channel })) }],
        dropped: [{ itemId: 'j', reason: DropReason.DROP_REASON_HIDDEN, channels: [Channel.CHANNEL_U2I] }],
      }),
    );
    expect(items[0]!.sources.map((source) => source.channel)).toEqual(['U2I', 'U2U2I', 'U2I2I', 'POPULAR', 'UNKNOWN']);
    expect(dropped).toEqual([{ itemId: 'j', reason: 'HIDDEN', channels: ['U2I'], score: undefined }]);
    // basic_score = 99; channels[0] = { channel: 77, outcome: 66 }
    const newer = fromWireResponse(RecallResponse.decode(Buffer.from('38634a04084d1042', 'hex')));
    expect([newer.basicScore, newer.channels[0]!.channel, newer.channels[0]!.outcome]).toEqual(
      Array(3).fill('UNKNOWN'),
    );
  });

  it('names outcomes as the protos do', () => {
    const outcomes = Object.values(Outcome).filter((value) => value !== Outcome.UNRECOGNIZED);
    const { channels } = fromWireResponse(
      RecallResponse.fromPartial({ channels: outcomes.map((outcome) => ({ outcome })) }),
    );
    const [first, ...others] = channels.map((report) => report.outcome);
    expect(first).toBe('UNKNOWN');
    expect(others).toEqual(outcomes.slice(1).map((outcome) => outcome.replace('OUTCOME_', '')));
  });
});

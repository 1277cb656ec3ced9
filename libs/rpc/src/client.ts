import { credentials, type ChannelCredentials, type Client, type ClientOptions } from '@grpc/grpc-js';
import { MAX_MESSAGE_BYTES } from './message-limit';
import { grpcTarget } from './targets';

type ClientConstructor<C extends Client> = new (
  address: string,
  channelCredentials: ChannelCredentials,
  options?: Partial<ClientOptions>,
) => C;

/** Calls are spread over all addresses of a target; an address that cannot be reached is left out until it can. */
const SERVICE_CONFIG = JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] });

/**
 * What a server may have on its way to one client, bytes. By HTTP/2's own 64 KiB it sends 32 KiB, some 20 answers, and waits for a
 * word of the client: between two busy event loops all others then come late (ADR 025).
 */
const WINDOW_BYTES = 1024 * 1024;

/**
 * A client without TLS for a generated service: one channel, spread over the target's addresses, with keepalive and the
 * message limits of the servers. It connects at once and again by itself.
 * @param target see grpcTarget.
 */
export function createClient<C extends Client>(constructor: ClientConstructor<C>, target: string): C {
  const client = new constructor(grpcTarget(target), credentials.createInsecure(), {
    'grpc.service_config': SERVICE_CONFIG,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    'grpc-node.flow_control_window': WINDOW_BYTES,
    // A peer that is gone without a word, or frozen, is noticed within 15 s.
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    'grpc.keepalive_permit_without_calls': 1,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.dns_min_time_between_resolutions_ms': 1_000,
    // A channel of its own: clients with the same options would share one, and its back-off.
    'grpc.use_local_subchannel_pool': 1,
  });
  client.getChannel().getConnectivityState(true);
  return client;
}

/** A client of another service at the same target, over the channel of `other`: it ends when that one is closed. */
export function clientBeside<C extends Client>(constructor: ClientConstructor<C>, other: Client): C {
  const channel = other.getChannel();
  return new constructor(channel.getTarget(), credentials.createInsecure(), { channelOverride: channel });
}

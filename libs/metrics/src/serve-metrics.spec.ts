import { afterEach, describe, expect, it } from 'vitest';
import { serveMetrics, type MetricsServer } from './serve-metrics';
import { ServiceMetrics } from './service-metrics';

let server: MetricsServer | undefined;
afterEach(() => server?.close());

describe('serveMetrics', () => {
  it('tells which release is current, whether it is the published one, and what the process uses', async () => {
    const metrics = new ServiceMetrics('ann-service');
    server = await serveMetrics(metrics, '127.0.0.1:0');
    const ask = async (path = '/metrics') => fetch(`http://${server!.address}${path}`);
    metrics.showReleases(1, 'r1', false);
    metrics.showReleases(2, 'r2', true);
    metrics.countSwap('done');
    metrics.countSwap('failed');
    metrics.countSwap('failed');
    metrics.observeOpened(2);
    metrics.showBreaker('user-embedder', 'embedUsers', true);
    metrics.showSpared('U2U2I', 8, true);
    const text = await (await ask()).text();
    expect(text).toContain('mic_releases_open{service="ann-service"} 2');
    expect(text).toContain('mic_release_behind{service="ann-service"} 1');
    expect(text).toContain('mic_release_current{release="r2",service="ann-service"} 1');
    expect(text).not.toContain('release="r1"');
    expect(text).toContain('mic_release_swaps_total{outcome="failed",service="ann-service"} 2');
    expect(text).toContain('mic_release_open_seconds_bucket{le="3",service="ann-service"} 1');
    expect(text).toContain('mic_breaker_open{callee="user-embedder",rpc="embedUsers",service="ann-service"} 1');
    expect(text).toContain('mic_part_spared{part="U2U2I",budgets_from_ms="8",service="ann-service"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect((await ask('/')).status).toBe(404);
  });

  it('refuses an address that is none or taken, with a remedy', async () => {
    const metrics = new ServiceMetrics('one');
    await expect(serveMetrics(metrics, 'nowhere')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    server = await serveMetrics(metrics, '127.0.0.1:0');
    await expect(serveMetrics(metrics, server.address)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      subject: 'MIC_METRICS_ADDRESS',
    });
  });
});

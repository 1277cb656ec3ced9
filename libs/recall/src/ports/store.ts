import type { HistoryKeeper, HistoryWriter } from './histories';
import type { LiveItemKeeper, LiveItemRecords, LiveItemWriter } from './live-items';
import type { NeighborReader } from './neighbors';
import type { ReleasePublisher } from './releases';

/** The whole store behind its ports; a backend implements all of it. */
export interface Store
  extends
    NeighborReader,
    HistoryWriter,
    HistoryKeeper,
    ReleasePublisher,
    LiveItemRecords,
    LiveItemWriter,
    LiveItemKeeper {
  close(): Promise<void>;
}

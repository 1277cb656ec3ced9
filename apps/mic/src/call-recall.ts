import { RecallRequest, RecallServiceClient, type RecallResponse } from '@mic/contracts';
import { createClient, unary } from '@mic/rpc';

/** One Recall call on a channel of its own. @throws MicError with the server's code, message and remedy */
export async function callRecall(
  address: string,
  deadlineMs: number,
  request: Partial<RecallRequest>,
): Promise<RecallResponse> {
  const client = createClient(RecallServiceClient, address);
  try {
    return await unary(client, 'recall', RecallRequest.fromPartial(request), { deadlineMs });
  } finally {
    client.close();
  }
}

import { posix } from 'node:path';
import { signatureFileSchema, type SignatureFile } from '@mic/features';
import { RELEASE_FILES as FILES, stringTableFiles } from '@mic/release';
import type { ReleaseModel } from './release-model';

/** A file of a release as the signature names it: relative to the signature's own folder. */
const fromSignature = (path: string): string => posix.relative(posix.dirname(FILES.towerSignature), path);

/** towers/signature.json of a release: with it, the towers and the files that it names, the same release can be built. */
export function releaseSignature({ signature, info }: ReleaseModel): SignatureFile {
  const { protocol, seenSha256, seed, config } = info;
  // Parsed for the order of its keys: the same content is the same bytes.
  return signatureFileSchema.parse({
    ...signature,
    encoder: info.encoder,
    maskedUserRow: [...signature.maskedUserRow],
    maskedItemRow: [...signature.maskedItemRow],
    features: fromSignature(FILES.featureSchema),
    files: {
      userIds: fromSignature(stringTableFiles(FILES.userIds)[0]),
      userRows: fromSignature(FILES.userEmbeddings),
      itemIds: fromSignature(stringTableFiles(FILES.itemIds)[0]),
      itemRows: fromSignature(FILES.itemEmbeddings),
    },
    training: { protocol, seenSha256: seenSha256 ?? undefined, ...config.data, seed },
  });
}

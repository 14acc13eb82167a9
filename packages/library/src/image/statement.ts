import { cosignSignPredicateType, type Statement, statementTypeV1 } from "../attestation/index.ts";
import type { OciDigest } from "../oci/index.ts";

/**
 * What is signed for an image, as cosign 3 writes it: an in-toto statement v1 with the manifest's digest as subject and an empty
 * predicate. Annotations are the signer's word about the image.
 */
export function imageStatement(image: {
  repository: string;
  digest: OciDigest;
  annotations?: Readonly<Record<string, string>>;
}): Statement {
  const colon = image.digest.indexOf(":");
  const annotations = image.annotations ?? {};
  return {
    type: statementTypeV1,
    subject: [
      {
        name: image.repository,
        digest: new Map([[image.digest.slice(0, colon), image.digest.slice(colon + 1)]]),
        ...(Object.keys(annotations).length === 0 ? {} : { annotations: { ...annotations } }),
      },
    ],
    predicateType: cosignSignPredicateType,
    predicate: {},
  };
}

// All negative cases, in the order of the rules.
import type { NegativeCase } from "./case.ts";
import { certificateCases } from "./certificate.ts";
import { contentCases } from "./content.ts";
import { entryBodyCases } from "./entry-body.ts";
import { formCases } from "./form.ts";
import { logCases, twinCase } from "./log.ts";
import { timestampCases } from "./timestamp.ts";
import { trustedRootCases } from "./trusted-root.ts";

/** Every negative case. */
export const negativeCases: readonly NegativeCase[] = [
  ...formCases,
  ...contentCases,
  ...entryBodyCases,
  ...logCases,
  twinCase,
  ...timestampCases,
  ...certificateCases,
  ...trustedRootCases,
];

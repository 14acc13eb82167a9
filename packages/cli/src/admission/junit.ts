// A report as JUnit writes it, which every CI system shows.

/** One case of a report. */
export interface JunitCase {
  readonly name: string;
  readonly className: string;
  readonly seconds: number;
  /** Why it failed. */
  readonly failure?: { readonly type: string; readonly message: string };
}

/** A report with one suite. */
export function junitReport(suite: string, cases: readonly JunitCase[]): string {
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const lines = cases.map(({ name, className, seconds, failure }) => {
    const head = `    <testcase name=${attribute(name)} classname=${attribute(className)} time="${seconds.toFixed(3)}"`;
    if (failure === undefined) return `${head}/>`;
    return `${head}>\n      <failure type=${attribute(failure.type)} message=${attribute(failure.message)}/>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${cases.length}" failures="${failures}">`,
    `  <testsuite name=${attribute(suite)} tests="${cases.length}" failures="${failures}">`,
    ...lines,
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;" };

// XML 1.0 has no place for most control characters, not even escaped.
function attribute(text: string): string {
  return `"${text.replace(/[^\P{Cc}\n]/gu, " ").replace(/[&<>"\n]/g, (one) => entities[one] ?? one)}"`;
}

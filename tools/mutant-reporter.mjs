// The reporter of a mutant's test run: the first failing test kills it, and the run ends there with the test's name.
export default async function* report(source) {
  for await (const { type, data } of source) {
    if (type !== "test:fail" || data.details?.error?.failureType === "subtestsFailed") continue;
    process.stdout.write(`KILLED ${data.name}\n`);
    process.exit(1);
  }
  const { user, system } = process.cpuUsage();
  yield `CPU ${Math.ceil((user + system) / 1000)}\n`;
}

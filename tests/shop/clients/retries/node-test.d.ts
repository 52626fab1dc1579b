// The part of Node's test runner and assertions that retries.ts uses. Its own types are another package.
declare module "node:test" {
  export function test(name: string, run: () => Promise<void>): void;
}
declare module "node:assert/strict" {
  interface Assert {
    (value: unknown, message?: string): asserts value;
    deepEqual(actual: unknown, expected: unknown, message?: string): void;
    equal(actual: unknown, expected: unknown, message?: string): void;
    rejects(call: Promise<unknown>, check: (error: unknown) => boolean): Promise<void>;
  }
  const assert: Assert;
  export default assert;
}
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}

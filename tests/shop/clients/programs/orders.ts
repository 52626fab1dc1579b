// Places orders through a proxy with faults: node orders.js URL USER_ID PRODUCT_ID COUNT; prints their ids.
import { createClient, SYSTEM_TIMING } from "shop-client";

declare const process: { argv: string[] };
const [, , baseUrl = "", user = "", product = "", count = ""] = process.argv;
const client = createClient({
  baseUrl,
  apiKey: "local-admin",
  retries: { maxAttempts: 60, deadline: 900_000, attemptTimeout: 1_000 },
  timing: { ...SYSTEM_TIMING, sleep: (wait) => SYSTEM_TIMING.sleep(Math.min(wait, 50)) },
});
const waiting = Array.from({ length: Number(count) });
const placed: number[] = [];
const worker = async (): Promise<void> => {
  while (waiting.length > 0) {
    waiting.pop();
    const items = [{ product_id: Number(product), quantity: 1 }];
    const { data } = await client.POST("/api/orders", { body: { user_id: Number(user), items } });
    placed.push(data.id);
  }
};
await Promise.all([worker(), worker(), worker(), worker()]);
console.log(JSON.stringify(placed));

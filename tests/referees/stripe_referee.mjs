// Stripe's own library as the referee of signatures. Reads JSON from its input, writes JSON.
//
//   decide AT   [{key, header, body}] → [accepted], at AT seconds since 1970
//   sign AT     [{key, body}] → [header]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(new URL("../../sdk/typescript/package.json", import.meta.url));
const { webhooks } = require("stripe");

const [task, at] = process.argv.slice(2);
const asked = JSON.parse(readFileSync(0, "utf8"));

// As constructEvent decides, before it reads the body as JSON. Whatever it throws, the request was not taken.
function accepted({ key, header, body }) {
  try {
    return webhooks.signature.verifyHeader(body, header, key, webhooks.DEFAULT_TOLERANCE, undefined, at * 1000);
  } catch {
    return false;
  }
}

const sign = ({ key, body }) =>
  webhooks.generateTestHeaderString({ payload: body, secret: key, timestamp: Number(at) });

process.stdout.write(JSON.stringify(asked.map(task === "sign" ? sign : accepted)));

// A small program against the typed client that the OpenAPI document gives: it compiles with every check that
// TypeScript knows, and runs against a real service.
import createClient from "openapi-fetch";
import type { components, paths } from "./build/schema.js";

type Problem = components["schemas"]["ErrorEnvelope"];

// failed turns the one error envelope into an exception; code is what programs branch on.
function failed(what: string, status: number, problem: Problem | undefined): Error {
  return new Error(`${what}: ${status} ${problem?.error.code ?? "no envelope"}: ${problem?.error.message ?? ""}`);
}

function need(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") throw new Error(`set ${name}`);
  return value;
}

async function main(): Promise<void> {
  const client = createClient<paths>({ baseUrl: `${need("SIGNALCRAFT_URL")}/api/v1` });

  const wrong = await client.POST("/auth/login", { body: { email: need("SIGNALCRAFT_EMAIL"), password: "not the password" } });
  if (wrong.response.status !== 401 || wrong.error?.error.code !== "INVALID_CREDENTIALS") throw failed("wrong password", wrong.response.status, wrong.error);

  const signedIn = await client.POST("/auth/login", { body: { email: need("SIGNALCRAFT_EMAIL"), password: need("SIGNALCRAFT_PASSWORD") } });
  if (signedIn.data === undefined) throw failed("login", signedIn.response.status, signedIn.error);
  const { access_token: token, businesses, user } = signedIn.data;
  const business = businesses?.[0];
  if (token === undefined || business === undefined) throw new Error("login: no business, or a second factor is needed");
  client.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  });

  const metrics = await client.GET("/dashboard/metrics/{id}", { params: { path: { id: business.id }, query: { limit: 50 } } });
  if (metrics.data === undefined) throw failed("metrics", metrics.response.status, metrics.error);

  // A form with a file; FormData brings its own content type, with the boundary.
  const upload = await client.POST("/data/upload", {
    params: { header: { "Idempotency-Key": crypto.randomUUID() } },
    body: { business_id: business.id, file: "day,Revenue\n2026-03-01,120.50\n" },
    bodySerializer(body) {
      const form = new FormData();
      if (typeof body === "string" || body === undefined) throw new Error("upload: want the fields of the form");
      if (body.business_id !== undefined) form.set("business_id", body.business_id);
      form.set("file", new Blob([body.file], { type: "text/csv" }), "march.csv");
      return form;
    },
  });
  if (upload.data === undefined) throw failed("upload", upload.response.status, upload.error);
  console.log(`upload: ${upload.data.id}`);
  console.log(`${business.name}: read metrics as ${user?.email}`);
}

await main();

/** Text in HTML. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const style =
  "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#1c1c1c;background:#fafafa}" +
  "h1{font-size:1.3rem}label{display:block;margin:.6rem 0}input[type=email],input[type=password],select{width:100%;padding:.5rem;font:inherit;box-sizing:border-box}" +
  "button{font:inherit;padding:.5rem 1.2rem;margin:1rem .6rem 0 0;border:1px solid #888;border-radius:.3rem;background:#fff;cursor:pointer}" +
  "button.main{background:#155eef;border-color:#155eef;color:#fff}.warn{color:#b42318}code{word-break:break-all}" +
  "@media(prefers-color-scheme:dark){body{background:#141414;color:#eee}button{background:#222;color:#eee}}";

/** A page that runs nothing, frames nothing and may not be framed. */
export function page(title: string, body: string, status = 200): Response {
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${style}</style></head><body><h1>${escapeHtml(title)}</h1>${body}</body></html>`;
  return new Response(html, {
    status,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "content-security-policy":
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
    },
  });
}

export function hiddenFields(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`)
    .join("");
}

export function loginPage(
  action: string,
  { fields, problem }: { fields: Readonly<Record<string, string>>; problem?: string },
): Response {
  const told = problem ? `<p class="warn" role="alert">${escapeHtml(problem)}</p>` : "";
  return page(
    "Sign in to Towermill",
    `${told}<form method="post" action="${escapeHtml(action)}">${hiddenFields(fields)}
<label>Email <input type="email" name="login_email" autocomplete="username" required autofocus></label>
<label>Password <input type="password" name="login_password" autocomplete="current-password" required></label>
<button class="main">Sign in</button></form>`,
    problem ? 401 : 200,
  );
}

export interface Consent {
  client: string;
  redirectHost: string;
  email: string;
  /** Fixed by the address, or to choose from. */
  workspace: string | null;
  workspaces: readonly string[];
  /** Scope → what it means. */
  levels: readonly (readonly [string, string])[];
  fields: Readonly<Record<string, string>>;
}

function choices(name: string, options: readonly (readonly [string, string])[]): string {
  return `<select name="${name}">${options.map(([value, label]) => `<option value="${escapeHtml(value)}">${escapeHtml(label)}</option>`).join("")}</select>`;
}

export function consentPage(action: string, consent: Consent): Response {
  const where =
    consent.workspace === null
      ? `<label>Workspaces ${choices("chosen_workspace", [["", "All of mine"], ...consent.workspaces.map((id) => [id, id] as const)])}</label>`
      : `<p>Workspace <strong>${escapeHtml(consent.workspace)}</strong></p>`;
  return page(
    `Let ${consent.client} use Towermill?`,
    `<p>You are <strong>${escapeHtml(consent.email)}</strong>. The client calls itself <strong>${escapeHtml(consent.client)}</strong> and is sent back to <code>${escapeHtml(consent.redirectHost)}</code>.</p>
<form method="post" action="${escapeHtml(action)}">${hiddenFields(consent.fields)}${where}
<label>It may ${choices("chosen_scope", consent.levels)}</label>
<p>It acts with your rights, never more. You can take this back at any time.</p>
<button class="main" name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`,
  );
}

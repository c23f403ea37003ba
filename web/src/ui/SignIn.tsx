import { type FormEvent, useId, useState } from 'react';

export function SignIn({
  reason,
  embedded,
  busy,
  onToken,
}: {
  reason: string | null;
  embedded: boolean;
  busy: boolean;
  onToken: (token: string) => Promise<void>;
}) {
  const [token, setToken] = useState('');
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void onToken(token);
  };
  return (
    <main className="sign-in">
      <h1>Hookline</h1>
      <p className="faint">Are your stores in step?</p>
      {reason !== null && (
        <p role="alert" className="banner bad" data-testid="sign-in-reason">
          {reason}
        </p>
      )}
      {embedded ? (
        <p>Open the app again from your Shopify admin.</p>
      ) : (
        <form onSubmit={submit}>
          <label htmlFor={id}>Operator token</label>
          <input
            id={id}
            type="password"
            value={token}
            autoComplete="off"
            spellCheck={false}
            required
            placeholder="hl_…"
            aria-describedby={`${id}-how`}
            onChange={(event) => setToken(event.target.value)}
          />
          <button type="submit" className="primary" disabled={busy}>
            {busy ? 'Signing in…' : 'Sign in'}
          </button>
          <p id={`${id}-how`} className="faint">
            Whoever runs this deployment makes one with <code>hookline token create</code>. It stays in this browser
            until you close its tabs or sign out.
          </p>
        </form>
      )}
    </main>
  );
}

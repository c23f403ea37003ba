import { type FormEvent, useId, useState } from 'react';

export function SignIn({
  reason,
  busy,
  onToken,
}: {
  reason: string | null;
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
      <p className="faint">Sign in to see your stores.</p>
      {reason !== null && (
        <p role="alert" className="banner bad" data-testid="sign-in-reason">
          {reason}
        </p>
      )}
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
          If you have none, ask the operator of this deployment to run <code>hookline token create</code>. The token
          stays in this browser until you close its tabs or sign out.
        </p>
      </form>
    </main>
  );
}

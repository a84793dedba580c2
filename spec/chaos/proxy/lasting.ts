/** What ends when it is disposed of, once. */
export function lasting(end: () => void): Disposable {
  let over = false;
  return {
    [Symbol.dispose]: () => {
      if (over) return;
      over = true;
      end();
    },
  };
}

/** All of them end together. */
export function together(parts: readonly Disposable[]): Disposable {
  return lasting(() => {
    for (const part of parts) part[Symbol.dispose]();
  });
}

/** Which candidates a world has. */
export const modes = ['life', 'lease', 'mixed'] as const;
export type Mode = (typeof modes)[number];

// The token that every request of ours carries. On its own, because hashed file names allow no circle of imports.
export const csrf = () => document.body.dataset.csrf;

import { first } from '$lib/choices.js';

export const load = () => first(60);

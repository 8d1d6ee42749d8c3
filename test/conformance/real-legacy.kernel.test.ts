import { playOnRealKernel } from './real-kernel.ts';

playOnRealKernel('legacy');

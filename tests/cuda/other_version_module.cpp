// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CUDA module of another version.
extern "C" __attribute__((visibility("default"))) int chromatch_cuda_interface()
{
    return -1;
}

// SPDX-License-Identifier: GPL-3.0-or-later
//
// A library that is no CUDA module.
extern "C" __attribute__((visibility("default"))) int unrelated()
{
    return 0;
}

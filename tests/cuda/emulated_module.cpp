// SPDX-License-Identifier: GPL-3.0-or-later
//
// The CUDA module, compiled for the CPU emulation.
#include "cuda_emulation.h"

#include "chromatch_cuda.cu"
#include "exact_search.cu"
#include "fixed_point.cu"
#include "patch_match.cu"

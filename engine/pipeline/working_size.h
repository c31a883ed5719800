// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a request to what the networks and the matching see of it.
#pragma once

#include "chromatch.h"

namespace chromatch {

/// Throws Error bad_image or bad_option, with a sentence that names the value, where colorize() cannot take it.
void check_request(const Request& request);

/// See at_working_size() of chromatch.h; the request must have passed check_request(). Its planes have these sizes:
/// short side Options::working_size, or the photo's own where that is smaller, but 64 at least; both sides are rounded
/// to multiples of 16, so that the networks' levels fit (the aspect ratio changes by that rounding only, but for very
/// long photos, which are kept to 8 : 1). What has its working size already comes back as it is, so that a request
/// reduced twice is the request reduced once.
Request reduce(const Request& request);

/// The plane at the size of small_mask, where each pixel is the mean of what the mask shows of it: what a mask hides
/// must not be averaged into what it shows. mask: [0, 1], of the plane's size; small_mask: the mask resized. What has
/// that size already comes back as it is.
Plane masked_resize(const Plane& plane, const Plane& mask, const Plane& small_mask);

} // namespace chromatch

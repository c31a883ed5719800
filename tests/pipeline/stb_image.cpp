// SPDX-License-Identifier: GPL-3.0-or-later
#define STB_IMAGE_IMPLEMENTATION
#define STBI_ONLY_JPEG
#include <stb_image.h>

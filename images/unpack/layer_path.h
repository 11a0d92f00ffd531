// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of tar entries, and the names with a special meaning (OCI image-spec layer.md, "Whiteouts").
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "images/unpack/limits.h"

namespace davit::images {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr std::string_view kAufsPrefix = ".wh..wh.";

// "a/b/c" for "./a//b/c/" and "/a/b/c"; "" for the layer's root. kInvalidArgument for any "..": builders do
// not write it, only attackers who want to leave the layer. Also for a NUL, for names longer than the kernel
// accepts and for a directory named like a whiteout. kResourceExhausted beyond `path_depth`.
Result<std::string> CleanLayerPath(std::string_view name, const UnpackLimits& limits);

// True if `path` or one of its parent directories is internal data of AUFS, which is not content.
bool IsAufsMetadata(std::string_view path);

// The last component, and the path before it ("" if there is none).
std::string_view BaseName(std::string_view path);
std::string_view DirName(std::string_view path);

// "dir/name", or "name" in the root.
std::string JoinPath(std::string_view dir, std::string_view name);

// True when `path` is `dir` or lies in it.
bool IsAtOrBelow(std::string_view path, std::string_view dir);

}  // namespace davit::images

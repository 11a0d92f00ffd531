// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Names of tar entries, and the ones with a meaning of their own (OCI image-spec layer.md, "Whiteouts").
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "images/unpack/limits.h"

namespace davit {

constexpr std::string_view kWhiteoutPrefix = ".wh.";
constexpr std::string_view kOpaqueMarker = ".wh..wh..opq";
constexpr std::string_view kAufsPrefix = ".wh..wh.";

// "a/b/c" for "./a//b/c/" and "/a/b/c"; "" for the layer's root. kInvalidArgument for "..", whatever it would
// mean: no builder writes it but to get out. Also for names longer than the kernel takes; beyond `path_depth`
// kResourceExhausted.
Result<std::string> CleanLayerPath(std::string_view name, const UnpackLimits& limits);

// True when `path` or a directory on its way is AUFS's own bookkeeping, which is no content.
bool IsAufsMetadata(std::string_view path);

// The last component, and what comes before it ("" for none).
std::string_view BaseName(std::string_view path);
std::string_view DirName(std::string_view path);

// "dir/name", or "name" in the root.
std::string JoinPath(std::string_view dir, std::string_view name);

// True when `path` is `dir` or lies in it.
bool IsAtOrBelow(std::string_view path, std::string_view dir);

}  // namespace davit

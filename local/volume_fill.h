// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fills a volume from an image. The image's files are copied beside the volume first, move into it as one
// directory, "filled", and from there name by name into "_data": a failure or a crash before that leaves
// nothing in the volume, and one after it leaves what FinishFill completes.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::local {

// The directory of a volume's files in the volume's own one.
inline constexpr char kDataName[] = "_data";

// Whether the next container that mounts the volume fills it: a volume with files stays as it is.
Result<bool> IsUnfilled(int volume);

struct Fill {
  int image;         // the image's root directory; its content is not trusted
  std::string path;  // of the directory in the image; symbolic links on the way stay in the image
  int volume;        // the volume's own directory
  int staging;       // a private directory on the volume's filesystem
  std::string name;  // of a directory in `staging` that the fill makes and removes
  // On disk before the volume has it: a power failure must not leave a volume that looks filled and is not.
  bool durable = true;
};

// Copies a directory of the image into a volume for which IsUnfilled is true; "_data" gets its owner and
// mode, too. Does nothing if the image has no such path. kInvalidArgument if it is no directory there; the
// errors of CopyTree. One call at a time for a volume.
Result<> FillVolume(const Fill& fill, const std::function<bool()>& stop);

// Idempotent.
Result<> FinishFill(int volume);

}  // namespace davit::local

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of one container's log: PATH is written, PATH.1 is the one before, and so on. PATH.0 exists while
// the writer changes files, which it may take its time for: it is the one before then, and may still be
// written. So the names alone say what is left to do after a crash.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/davit/v1/containers.pb.h"
#include "base/error.h"

namespace davit::local {

struct LogBound {
  int64_t bytes = 0;  // of a file
  uint32_t files = 0;
};
// What the spec says, or the default.
LogBound LogBoundOf(const ::davit::v1::ContainerSpec& spec);

// Has the writer take a new file at `path` by `reopen` if the one that it has has outgrown `bound`, or if it
// may not be the one at `path`: after a rotation that was interrupted or not answered, or if somebody has
// removed it. `reopen` makes `path` if it is missing, and returns when the writer has let go of all other
// files; it may be called again and again. Then the files move on by one, the oldest out. If `reopen` fails,
// nothing is removed, and the next call continues. Returns whether the writer has taken a new file.
Result<bool> RotateLog(const std::string& path, const LogBound& bound,
                       const std::function<Result<>()>& reopen);

// Makes an empty log, or opens the one that there is.
Result<> MakeLog(const std::string& path);

}  // namespace davit::local

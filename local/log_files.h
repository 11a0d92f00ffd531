// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The files of one container's log: PATH is written, PATH.1 is the one before, and so on.
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

// If the log has outgrown `bound`, moves its files on by one, the oldest out, and has the writer take a new
// file at `path` by `reopen`. If that fails, the writer's file gets its name back, and nothing more than the
// oldest file is lost, however often it fails. Returns whether the log has outgrown its bound. A log that
// does not exist has not.
Result<bool> RotateLog(const std::string& path, const LogBound& bound,
                       const std::function<Result<>()>& reopen);

}  // namespace davit::local

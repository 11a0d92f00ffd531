// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The CDI devices that the specification files of this host describe.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "cri/host/cdi/spec.h"

namespace davit::cri::cdi {

// Stateless and thread-safe: each call reads the directories, so a new file takes effect at once.
class Registry {
 public:
  // If two directories describe the same device, the later directory is used.
  explicit Registry(std::vector<std::string> directories) : directories_(std::move(directories)) {}

  const std::vector<std::string>& directories() const { return directories_; }

  // Returns what these devices ("vendor.com/class=device") change in a container, in their order. Edits that
  // a file declares for all its devices come once, before the edits of the first of them. kInvalidArgument if
  // a name is malformed; kNotFound for the first device that is not described, with the files that could not
  // be read; kFailedPrecondition if two files of one directory describe a device; kUnimplemented if a device
  // needs an edit that Davit does not support.
  Result<std::vector<Edits>> Resolve(const std::vector<std::string>& devices) const;

  // For display: every device that Resolve finds, and the errors in the files.
  struct Content {
    std::vector<std::string> devices;
    std::vector<std::string> errors;
  };
  Content Describe() const;

 private:
  std::vector<std::string> directories_;
};

}  // namespace davit::cri::cdi

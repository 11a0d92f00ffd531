// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// A file that appears when it is complete.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cli {

// Written under a temporary name in the same directory, so that a command that ends early leaves nothing
// under the final one. A device, pipe or socket is written to directly. The destructor removes what is not
// complete.
class OutputFile {
 public:
  // A new file has mode 0600: images may contain what is not for everybody. A symlink is followed.
  static Result<OutputFile> Create(const std::string& path);
  OutputFile(OutputFile&&) = default;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  Result<> Write(std::string_view piece);
  // Makes the file durable and gives it its name.
  Result<> Commit();

 private:
  OutputFile(UniqueFd fd, std::string path, std::string temporary)
      : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}

  UniqueFd fd_;
  std::string path_;
  std::string temporary_;  // empty: there is none
};

}  // namespace davit::cli

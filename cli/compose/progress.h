// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Lines about what happens to a project.
#pragma once

#include <mutex>
#include <string>

#include "cli/console.h"

namespace davit::cli::compose {

// Thread-safe.
class Progress {
 public:
  explicit Progress(const Console& console) : console_(console) {}

  // " Container shop-web-1  Started" on standard error.
  void Say(const std::string& kind, const std::string& name, const std::string& what);
  void Remark(const std::string& text);

 private:
  const Console& console_;
  std::mutex mutex_;
};

}  // namespace davit::cli::compose

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a child of the shim is about to do, in memory that both see: for the shim to name when the child
// hangs.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit {

class Progress {
 public:
  static Result<Progress> Make();
  Progress(Progress&& other) noexcept;
  Progress& operator=(Progress&& other) noexcept;
  ~Progress();

  // By the child; cut off where the page ends. Empty: nothing that could hang.
  void Say(std::string_view what);
  // By the shim. The child may be writing: what comes out then is a mixture of two texts.
  std::string Read() const;

 private:
  explicit Progress(char* page) : page_(page) {}
  char* page_ = nullptr;  // ends with a NUL that nobody overwrites
};

}  // namespace davit

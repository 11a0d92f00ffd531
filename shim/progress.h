// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// What a child of the shim is doing, in memory that both share: the shim names it in an error if the child
// hangs.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace davit::shim {

class Progress {
 public:
  static Result<Progress> Make();
  Progress(Progress&& other) noexcept;
  Progress& operator=(Progress&& other) noexcept;
  ~Progress();

  // Called by the child. Text that does not fit into the page is cut off. Empty: nothing that could hang.
  void Say(std::string_view what);
  // Called by the shim. If the child is writing, the result may be a mixture of two texts.
  std::string Read() const;

 private:
  explicit Progress(char* page) : page_(page) {}
  char* page_ = nullptr;  // ends with a NUL that is never overwritten
};

}  // namespace davit::shim

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "shim/progress.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace davit::shim {
namespace {
constexpr size_t kPageBytes = 4096;
}

Result<Progress> Progress::Make() {
  void* page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return SystemError("mmap", "progress");
  return Progress(static_cast<char*>(page));
}

Progress::Progress(Progress&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}

Progress& Progress::operator=(Progress&& other) noexcept {
  std::swap(page_, other.page_);
  return *this;
}

Progress::~Progress() {
  if (page_ != nullptr) munmap(page_, kPageBytes);
}

void Progress::Say(std::string_view what) {
  what = what.substr(0, kPageBytes - 2);
  std::copy(what.begin(), what.end(), page_);
  page_[what.size()] = '\0';
}

std::string Progress::Read() const {
  return page_;
}

}  // namespace davit::shim

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/testing/failing_allocation.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace davit::cni {
namespace {

constexpr int kNever = -1;
thread_local int left = kNever;  // allocations that succeed
thread_local bool has_failed = false;

void* Allocate(size_t size) {
  if (left == 0) {
    left = kNever;
    has_failed = true;
    throw std::bad_alloc();
  }
  if (left > 0) --left;
  void* memory = malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

FailingAllocation::FailingAllocation(int before) {
  left = before;
  has_failed = false;
}

FailingAllocation::~FailingAllocation() {
  left = kNever;
}

bool FailingAllocation::failed() const {
  return has_failed;
}

}  // namespace davit::cni

// All forms, so that a sanitizer sees the same allocator on both sides.
void* operator new(size_t size) {
  return davit::cni::Allocate(size);
}
void* operator new[](size_t size) {
  return davit::cni::Allocate(size);
}
void operator delete(void* memory) noexcept {
  free(memory);
}
void operator delete[](void* memory) noexcept {
  free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  free(memory);
}

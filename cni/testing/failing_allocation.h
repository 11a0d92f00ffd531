// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: an allocation that throws std::bad_alloc, to show that an exception frees what was claimed.
// A test program that uses it links failing_allocation.cc, which replaces operator new and delete.
#pragma once

namespace davit::cni {

// While it lives, one allocation of this thread throws. At most one object per thread.
class FailingAllocation {
 public:
  // `before` is the number of allocations that succeed first.
  explicit FailingAllocation(int before);
  ~FailingAllocation();
  FailingAllocation(const FailingAllocation&) = delete;
  FailingAllocation& operator=(const FailingAllocation&) = delete;

  // Whether an allocation has failed; false if there were too few.
  bool failed() const;
};

}  // namespace davit::cni

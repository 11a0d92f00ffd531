// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The fixture of the tests of local containers over fakes.
#pragma once

#include <gtest/gtest.h>

#include "local/testing/local_world.h"

namespace davit::local {

class LocalContainersTest : public ::testing::Test {
 protected:
  LocalContainers& local() { return w_.local(); }
  int64_t Deadline() const { return w_.Deadline(); }

  LocalWorld w_;
};

}  // namespace davit::local

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test fixture with its own temporary database.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "cri/records/records.h"

namespace davit::cri {

class RecordsTest : public testing::Test {
 protected:
  void SetUp() override {
    char dir[] = "/tmp/davit-records-test-XXXXXX";
    ASSERT_NE(mkdtemp(dir), nullptr);
    dir_ = dir;
    path_ = dir_ + "/records.db";
  }
  void TearDown() override {
    records_.reset();
    std::filesystem::remove_all(dir_);
  }

  void Open() {
    records_.reset();
    Result<std::unique_ptr<Records>> records = Records::Open(path_);
    ASSERT_TRUE(records) << records.error().ToString();
    records_ = std::move(*records);
  }

  std::string dir_;
  std::string path_;
  std::unique_ptr<Records> records_;
};

}  // namespace davit::cri

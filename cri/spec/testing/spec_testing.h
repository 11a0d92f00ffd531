// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Test support: requests as text, and a check of error messages.
#pragma once

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "api/cri/v1/api.pb.h"
#include "base/error.h"

namespace davit::cri {

namespace v1 = ::runtime::v1;

// "linux { security_context { privileged: true } }" as a message.
template <typename Message>
Message Proto(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

// Succeeds if `result` is a validation error of `field` with this code and mentions `value`.
template <typename T>
::testing::AssertionResult Refuses(const Result<T>& result, Code code, const std::string& field,
                                   const std::string& value = "") {
  if (result) return ::testing::AssertionFailure() << "was accepted";
  const Error& error = result.error();
  bool same = error.code == code && error.step == "validate" && error.subject == field &&
              error.context.find(value) != std::string::npos;
  if (same) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "code " << static_cast<int>(error.code) << ": " << error.ToString();
}

}  // namespace davit::cri

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Matchers for the answers of calls.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>

namespace davit::e2e {

// EXPECT_THAT(client.Ask(...), Succeeds());
MATCHER(Succeeds, "succeeds") {
  *result_listener << "code " << arg.status.error_code() << ": " << arg.status.error_message();
  return arg.status.ok();
}

// EXPECT_THAT(client.Ask(...), FailsWith(grpc::StatusCode::NOT_FOUND, "the id")): the message must contain
// the text.
MATCHER_P2(FailsWith, code, text, "fails with code " + std::to_string(code) + " and names '" + text + "'") {
  *result_listener << "code " << arg.status.error_code() << ": " << arg.status.error_message();
  return arg.status.error_code() == code && arg.status.error_message().find(text) != std::string::npos;
}

}  // namespace davit::e2e

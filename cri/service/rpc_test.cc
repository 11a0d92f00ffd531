// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/rpc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace davit::cri {
namespace {

// Whether this end of a call is more than what happens all the time.
bool Warns(grpc::StatusCode code, const std::string& id) {
  int ends[2];
  EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  Logger log(writer.get(), LogLevel::kWarning);
  LogRpc(log, "PodSandboxStats", id, UnixNanoseconds(), grpc::Status(code, "why"), Spans());
  char byte;
  return read(reader.get(), &byte, 1) == 1;
}

TEST(LogRpc, WarnsOfWhatIsWrongAndNotOfWhatIsUsual) {
  EXPECT_FALSE(Warns(grpc::StatusCode::OK, "1234"));
  EXPECT_FALSE(Warns(grpc::StatusCode::NOT_FOUND, "1234"));
  EXPECT_FALSE(Warns(grpc::StatusCode::INVALID_ARGUMENT, ""))
      << "the kubelet looks whether the method is there";
  EXPECT_TRUE(Warns(grpc::StatusCode::INVALID_ARGUMENT, "1234"));
  EXPECT_TRUE(Warns(grpc::StatusCode::INTERNAL, ""));
}

}  // namespace
}  // namespace davit::cri

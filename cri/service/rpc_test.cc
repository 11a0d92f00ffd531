// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/rpc.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>

#include "api/cri/v1/api.pb.h"
#include "base/unique_fd.h"

namespace davit::cri {
namespace {

namespace v1 = ::runtime::v1;

using ::testing::HasSubstr;

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

// The edge of a server with room for one call of each class, and its log.
class ServeTest : public ::testing::Test {
 protected:
  ServeTest() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    reader_.Reset(ends[0]);
    writer_.Reset(ends[1]);
    log_.emplace(writer_.get(), LogLevel::kWarning);
    edge_.emplace(*log_, admission_);
  }

  template <typename Verb>
  grpc::Status Call(Verb verb) {
    v1::VersionResponse response;
    return Serve(*edge_, CallClass::kLook, &context_, "Version", "", &response, verb);
  }
  std::string Logged() {
    char text[4096];
    ssize_t size = read(reader_.get(), text, sizeof text);
    return size > 0 ? std::string(text, static_cast<size_t>(size)) : "";
  }

  grpc::ServerContext context_;
  std::optional<Edge> edge_;

 private:
  UniqueFd reader_;
  UniqueFd writer_;
  std::optional<Logger> log_;
  static Admission::Limits OneOfEach() {
    Admission::Limits limits;
    limits.fill(1);
    return limits;
  }

  Admission admission_{OneOfEach()};
};

TEST_F(ServeTest, AnExceptionIsLoggedAndAnsweredAndItsPlaceIsFree) {
  grpc::Status thrown = Call(
      [](davit::cri::Call&) -> Result<v1::VersionResponse> { throw std::runtime_error("thrown by a test"); });
  EXPECT_EQ(thrown.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(thrown.error_message(), HasSubstr("thrown by a test"));
  EXPECT_THAT(Logged(), HasSubstr("thrown by a test"));
  EXPECT_TRUE(
      Call([](davit::cri::Call&) -> Result<v1::VersionResponse> { return v1::VersionResponse(); }).ok());
}

}  // namespace
}  // namespace davit::cri

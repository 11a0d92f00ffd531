// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Events.Watch through a real server.
#include "local/events_api.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "api/davit/v1/volumes.grpc.pb.h"
#include "base/time.h"
#include "cri/service/entitlement.h"

namespace davit::local {
namespace {

cri::Admission::Limits TwoWaits() {
  cri::Admission::Limits limits{};
  limits.fill(8);
  limits[static_cast<size_t>(cri::CallClass::kWait)] = 2;
  return limits;
}

class EventsApiTest : public ::testing::Test {
 protected:
  struct Client {
    Client(api::Events::Stub& stub, int64_t since, int64_t until = 0) {
      api::WatchEventsRequest request;
      request.set_since(since);
      request.set_until(until);
      reader = stub.Watch(&context, request);
    }
    // The action of the next event; empty at the end.
    std::string Next() {
      api::Event event;
      return reader->Read(&event) ? event.action() : "";
    }
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<api::Event>> reader;
  };

  EventsApiTest() {
    constexpr auto kFromFd = grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;
    grpc::ServerBuilder builder;
    auto acceptor = builder.experimental().AddExternalConnectionAcceptor(kFromFd, cri::EntitledCredentials());
    builder.RegisterService(&service_);
    builder.RegisterService(&others_);
    thread_ = std::make_unique<cri::CompletionThread>(builder);
    server_ = builder.BuildAndStart();
    thread_->Start();
    service_.AcceptAsync(*thread_);
    std::array<int, 2> pair{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = -1;
    connection.fd = pair[0];
    acceptor->HandleNewConnection(&connection);
    stub_ = api::Events::NewStub(grpc::CreateInsecureChannelFromFd("", pair[1]));
  }
  ~EventsApiTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    thread_->Stop();
  }
  void Note(const std::string& action) { log_.Note("volume", action, "v", {}); }

  EventLog log_{SystemClock()};
  Logger logger_{[](std::string_view) {}, LogLevel::kInfo};
  cri::Admission admission_{TwoWaits()};
  api::Volumes::Service others_;  // gRPC serves no server whose methods are all asynchronous
  EventsApi service_{log_, admission_, logger_};
  std::unique_ptr<cri::CompletionThread> thread_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<api::Events::Stub> stub_;
};

TEST_F(EventsApiTest, AClientGetsTheKeptEventsAndThenTheNewOnes) {
  Note("one");
  Client client(*stub_, /*since=*/1);
  EXPECT_EQ(client.Next(), "one");
  Note("two");
  EXPECT_EQ(client.Next(), "two");
  client.context.TryCancel();
  EXPECT_EQ(client.reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(EventsApiTest, EndsAtItsTime) {
  Note("one");
  Client past(*stub_, /*since=*/1, /*until=*/UnixNanoseconds());
  EXPECT_EQ(past.Next(), "one");
  EXPECT_EQ(past.Next(), "");
  EXPECT_TRUE(past.reader->Finish().ok());
  Client future(*stub_, /*since=*/0, /*until=*/UnixNanoseconds() + 300'000'000);
  future.reader->WaitForInitialMetadata();
  Note("two");
  EXPECT_EQ(future.Next(), "two");
  EXPECT_EQ(future.Next(), "");
  EXPECT_TRUE(future.reader->Finish().ok());
}

TEST_F(EventsApiTest, OneThatDoesNotReadIsEndedAndHoldsUpNobody) {
  Client slow(*stub_, /*since=*/0);
  slow.reader->WaitForInitialMetadata();
  const std::string long_id(1000, 'x');
  for (int i = 0; i < 10'000; ++i) log_.Note("volume", "create", long_id, {});
  Client other(*stub_, /*since=*/1);
  EXPECT_EQ(other.Next(), "create");
  size_t read = 0;
  while (!slow.Next().empty()) ++read;
  EXPECT_LT(read, 10'000u);
  EXPECT_FALSE(slow.reader->Finish().ok());
  other.context.TryCancel();
  other.reader->Finish();
}

TEST_F(EventsApiTest, PlacesAreLimitedAndComeBack) {
  {
    Client first(*stub_, 0);
    Client second(*stub_, 0);
    first.reader->WaitForInitialMetadata();
    second.reader->WaitForInitialMetadata();
    EXPECT_EQ(Client(*stub_, 0).reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    first.context.TryCancel();
    second.context.TryCancel();
    first.reader->Finish();
    second.reader->Finish();
  }
  EXPECT_EQ(Client(*stub_, -1).reader->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace davit::local

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Containers.Wait through a real server, over containers of fakes.
#include "local/wait_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/elastic_pool.h"
#include "cri/service/entitlement.h"
#include "local/containers_api.h"
#include "local/testing/local_world.h"

namespace davit::local {
namespace {

using Condition = api::WaitContainerRequest;

cri::Admission::Limits OneWait() {
  cri::Admission::Limits limits{};
  limits.fill(8);
  limits[static_cast<size_t>(cri::CallClass::kWait)] = 1;
  return limits;
}

class WaitStreamTest : public ::testing::Test {
 protected:
  struct Client {
    explicit Client(api::Containers::Stub& stub, const std::string& container,
                    Condition::Condition condition = Condition::NOT_RUNNING) {
      api::WaitContainerRequest request;
      request.set_container(container);
      request.set_condition(condition);
      reader = stub.Wait(&context, request);
    }
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<api::WaitContainerResponse>> reader;
    api::WaitContainerResponse message;
  };

  WaitStreamTest() {
    constexpr auto kFromFd = grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD;
    grpc::ServerBuilder builder;
    auto acceptor = builder.experimental().AddExternalConnectionAcceptor(kFromFd, cri::EntitledCredentials());
    builder.RegisterService(&service_);
    thread_ = std::make_unique<cri::CompletionThread>(builder);
    server_ = builder.BuildAndStart();
    thread_->Start();
    lists_ = std::make_unique<cri::ListStreamSetting>(*thread_, cri::Edge{log_, admission_}, makers_);
    service_.AcceptAsync(*lists_);
    std::array<int, 2> pair{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()), 0);
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.listener_fd = -1;
    connection.fd = pair[0];
    acceptor->HandleNewConnection(&connection);
    stub_ = api::Containers::NewStub(grpc::CreateInsecureChannelFromFd("", pair[1]));
  }
  ~WaitStreamTest() override {
    server_->Shutdown(std::chrono::system_clock::now());
    thread_->Stop();
  }

  LocalWorld w_;
  Logger log_{[](std::string_view) {}, LogLevel::kInfo};
  cri::Admission admission_{OneWait()};
  ElasticPool makers_{1};
  ContainersApi service_{w_.local(), [](const std::string&) -> Result<UniqueFd> { return UniqueFd(); },
                         admission_, log_};
  std::unique_ptr<cri::CompletionThread> thread_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<cri::ListStreamSetting> lists_;
  std::unique_ptr<api::Containers::Stub> stub_;
};

TEST_F(WaitStreamTest, AClientIsToldThatItWaitsAndThenTheExitCode) {
  std::string id = w_.RunContainer("web");
  Client client(*stub_, "web");
  ASSERT_TRUE(client.reader->Read(&client.message));
  EXPECT_FALSE(client.message.ended());
  EXPECT_FALSE(admission_.busy()) << "the heap is trimmed while clients wait";
  w_.Exit(id, 4);
  ASSERT_TRUE(client.reader->Read(&client.message));
  EXPECT_TRUE(client.message.ended());
  EXPECT_EQ(client.message.exit_code(), 4);
  EXPECT_FALSE(client.reader->Read(&client.message));
  EXPECT_TRUE(client.reader->Finish().ok());
}

TEST_F(WaitStreamTest, OfOneThatWasRemovedTheOnlyMessageIsTheOutcome) {
  std::string id = w_.RunContainer("web");
  ASSERT_TRUE(w_.local().Remove("web", /*force=*/true, w_.Deadline()));
  Client client(*stub_, id, Condition::REMOVED);
  ASSERT_TRUE(client.reader->Read(&client.message));
  EXPECT_TRUE(client.message.ended());
  EXPECT_EQ(client.message.exit_code(), 137);
  EXPECT_FALSE(client.reader->Read(&client.message));
  EXPECT_TRUE(client.reader->Finish().ok());
  EXPECT_EQ(Client(*stub_, "nothing").reader->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(WaitStreamTest, AClientThatLeavesGivesItsPlaceBack) {
  w_.RunContainer("web");
  {
    Client first(*stub_, "web");
    ASSERT_TRUE(first.reader->Read(&first.message));
    EXPECT_EQ(Client(*stub_, "web").reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    first.context.TryCancel();
    EXPECT_EQ(first.reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_TRUE(w_.world.Eventually([&] {
    Client next(*stub_, "web");
    bool waits = next.reader->Read(&next.message);
    next.context.TryCancel();
    return waits;
  }));
}

TEST_F(WaitStreamTest, EndsWithTheServer) {
  w_.RunContainer("web");
  Client client(*stub_, "web");
  ASSERT_TRUE(client.reader->Read(&client.message));
  server_->Shutdown(std::chrono::system_clock::now());
  EXPECT_FALSE(client.reader->Finish().ok());
}

}  // namespace
}  // namespace davit::local

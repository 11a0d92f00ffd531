// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// How requests are repeated, resumed and sent to the next host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "base/time.h"
#include "images/registry_client.h"
#include "images/testing/registry_client_fixture.h"

namespace davit::images {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(RegistryClientTest, ABlobGoesOnWhereItsConnectionWasCut) {
  for (bool reset : {false, true}) {
    for (size_t cut : {size_t(0), size_t(1), kBlob.size() / 2, kBlob.size() - 1}) {
      std::atomic<int> requests = 0;
      FakeServer server([&](const FakeRequest& request) {
        FakeResponse response = Serve(request);
        if (++requests == 1) response = CutBody(response, cut);
        response.reset = reset && requests == 1;
        return response;
      });
      BlobRecorder sink;
      auto fetched = Client({&server})->FetchBlob(descriptor_, sink);
      ASSERT_TRUE(fetched) << cut << ": " << fetched.error().ToString();
      EXPECT_EQ(sink.text, kBlob);
      EXPECT_EQ(sink.begins, 1);
      ASSERT_THAT(server.requests(), SizeIs(2));
      std::string range = cut == 0 ? "" : "bytes=" + std::to_string(cut) + "-";
      // A reset may discard what was on its way.
      if (!reset) {
        EXPECT_EQ(server.requests()[1].Header("range"), range);
      }
    }
  }
}

// What is wanted of the body has arrived; the rest might never end.
TEST_F(RegistryClientTest, ARefusalNeedNotEnd) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response{404, {}, std::string(200'000, 'x'), int64_t{1} << 40};
    response.stall = true;
    return response;
  });
  options_.transfer.low_speed_seconds = 2;
  auto fetched = FetchBlob({&server});
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kNotFound) << fetched.error().ToString();
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(RegistryClientTest, AManifestIsReadUpToItsLimit) {
  FakeServer server([](const FakeRequest&) {
    FakeResponse response{200, {}, std::string((4 << 20) + 100'000, ' '), 7 << 20};
    response.stall = true;
    return response;
  });
  options_.transfer.low_speed_seconds = 2;
  auto fetched = Client({&server})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kResourceExhausted) << fetched.error().ToString();
}

TEST_F(RegistryClientTest, ACutInTheHeadOfAnAnswerIsTriedAgain) {
  for (int64_t cut : {0, 1, 12, 30}) {
    std::atomic<int> requests = 0;
    FakeServer server([&](const FakeRequest& request) {
      FakeResponse response = Serve(request);
      if (++requests == 1) response.cut_after = cut;
      return response;
    });
    EXPECT_TRUE(Client({&server})->FetchManifest("v1")) << cut;
    EXPECT_EQ(requests, 2);
  }
}

TEST_F(RegistryClientTest, AServerWithoutRangesSendsTheBlobAgain) {
  std::atomic<int> requests = 0;
  FakeServer server([&](const FakeRequest&) {
    FakeResponse response{200, {}, kBlob};
    return ++requests == 1 ? CutBody(response, 5000) : response;
  });
  auto fetched = FetchBlob({&server});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 1);
}

TEST_F(RegistryClientTest, TheNextHostGoesOnWhereTheFirstOneStopped) {
  FakeServer mirror([](const FakeRequest& request) { return CutBody(Serve(request), 300); });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&mirror, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 1);
  EXPECT_THAT(mirror.requests(), SizeIs(3)) << "not enough progress to go on for ever";
  ASSERT_THAT(upstream.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].Header("range"), "bytes=900-");
}

TEST_F(RegistryClientTest, AStalledHostIsLeftForTheNextOne) {
  options_.transfer.low_speed_seconds = 1;
  FakeServer mirror([](const FakeRequest& request) {
    FakeResponse response = CutBody(Serve(request), 300);
    response.stall = true;
    return response;
  });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&mirror, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_THAT(mirror.requests(), SizeIs(1));
  EXPECT_EQ(upstream.requests()[0].Header("range"), "bytes=300-");
}

// The mirror would not be left if it were the only host.
TEST_F(RegistryClientTest, ASlowHostIsLeftOnlyForOneThatWasNotAsked) {
  options_.transfer.low_speed_bytes = 0;
  options_.transfer.fair_speed_bytes = 100'000;
  options_.transfer.low_speed_seconds = 1;
  FakeServer mirror([](const FakeRequest& request) {
    FakeResponse response = CutBody(Serve(request), 300);
    response.stall = true;
    return response;
  });
  FakeServer upstream([](const FakeRequest& request) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    return Serve(request);
  });
  auto fetched = FetchBlob({&mirror, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_THAT(mirror.requests(), SizeIs(1));
  ASSERT_THAT(upstream.requests(), SizeIs(1)) << "however slow it is";
  EXPECT_EQ(upstream.requests()[0].Header("range"), "bytes=300-");
}

TEST_F(RegistryClientTest, AMirrorThatIsDownIsTriedLastFromThenOn) {
  FakeServer mirror([](const FakeRequest&) {
    FakeResponse response;
    response.cut_after = 0;
    return response;
  });
  FakeServer upstream(Serve);
  auto client = Client({&mirror, &upstream});
  ASSERT_TRUE(client->FetchManifest("v1"));
  ASSERT_TRUE(client->FetchBlob(descriptor_, sink_));
  EXPECT_THAT(mirror.requests(), SizeIs(1));
  EXPECT_THAT(upstream.requests(), SizeIs(2));
}

TEST_F(RegistryClientTest, AMixtureOfHostsWithAWrongDigestIsFetchedFromOneHost) {
  FakeServer liar([](const FakeRequest& request) {
    return CutBody(ServeRange({200, {}, std::string(kBlob.size(), 'x')}, request), 300);
  });
  FakeServer upstream(Serve);
  auto fetched = FetchBlob({&liar, &upstream});
  ASSERT_TRUE(fetched) << fetched.error().ToString();
  EXPECT_EQ(sink_.text, kBlob);
  EXPECT_EQ(sink_.begins, 2);
}

TEST_F(RegistryClientTest, ABusyServerIsAskedAgain) {
  for (int status : {429, 500, 503}) {
    std::atomic<int> requests = 0;
    FakeServer server(
        [&](const FakeRequest& request) { return ++requests < 3 ? Status(status) : Serve(request); });
    auto fetched = Client({&server})->FetchManifest("v1");
    ASSERT_TRUE(fetched) << status << ": " << fetched.error().ToString();
    EXPECT_EQ(requests, 3);
  }
}

TEST_F(RegistryClientTest, ABusyServerIsNotAskedForEver) {
  FakeServer server([](const FakeRequest&) { return Status(503); });
  auto fetched = Client({&server})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_EQ(fetched.error().code, Code::kUnavailable);
  EXPECT_EQ(fetched.error().reason, Reason::kRegistryUnavailable);
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistryClientTest, RetryAfterIsObeyedWithinBounds) {
  std::atomic<int> requests = 0;
  FakeServer soon([&](const FakeRequest& request) {
    return ++requests == 1 ? Status(429, {"Retry-After: 1"}) : Serve(request);
  });
  int64_t before = MonotonicMilliseconds();
  EXPECT_TRUE(Client({&soon})->FetchManifest("v1"));
  EXPECT_GE(MonotonicMilliseconds() - before, 1000);

  FakeServer late([](const FakeRequest&) { return Status(429, {"Retry-After: 3600"}); });
  auto fetched = Client({&late})->FetchManifest("v1");
  ASSERT_FALSE(fetched);
  EXPECT_THAT(late.requests(), SizeIs(1));
  EXPECT_THAT(fetched.error().ToString(), AllOf(HasSubstr("429"), HasSubstr("3600 s")));
}

// The layers of a pull are fetched by several threads.
TEST_F(RegistryClientTest, APauseThatOneRequestLearnsOfHoldsForAll) {
  std::atomic<int> requests = 0;
  std::atomic<int64_t> first_ms = 0;
  std::atomic<int64_t> second_ms = 0;
  FakeServer busy([&](const FakeRequest& request) {
    int number = ++requests;
    if (number == 1) first_ms = MonotonicMilliseconds();
    if (number == 2) second_ms = MonotonicMilliseconds();
    return number == 1 ? Status(429, {"Retry-After: 1"}) : Serve(request);
  });
  auto client = Client({&busy});
  std::thread first([&] { EXPECT_TRUE(client->FetchBlob(descriptor_, sink_)); });
  while (first_ms == 0) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  std::vector<std::thread> others;
  for (int i = 0; i < 5; ++i) {
    others.emplace_back([&] {
      BlobRecorder sink;
      EXPECT_TRUE(client->FetchBlob(descriptor_, sink));
      EXPECT_EQ(sink.text, kBlob);
    });
  }
  first.join();
  for (std::thread& other : others) other.join();
  EXPECT_EQ(requests, 7);
  EXPECT_GE(second_ms - first_ms, 950);
}

TEST_F(RegistryClientTest, DuringALongPauseNothingIsSent) {
  FakeServer late([](const FakeRequest&) { return Status(503, {"Retry-After: 3600"}); });
  auto client = Client({&late});
  for (int i = 0; i < 2; ++i) {
    auto fetched = client->FetchManifest("v1");
    ASSERT_FALSE(fetched);
    EXPECT_THAT(fetched.error().ToString(),
                AllOf(HasSubstr(late.host()), HasSubstr("503"), HasSubstr("3600 s")));
  }
  EXPECT_THAT(late.requests(), SizeIs(1));
}

TEST_F(RegistryClientTest, DuringAPauseTheNextHostIsAsked) {
  FakeServer busy([](const FakeRequest&) { return Status(429, {"Retry-After: 2"}); });
  FakeServer other(Serve);
  auto client = Client({&busy, &other});
  for (int i = 0; i < 3; ++i) {
    BlobRecorder sink;
    ASSERT_TRUE(client->FetchBlob(descriptor_, sink));
  }
  EXPECT_THAT(busy.requests(), SizeIs(1));
  EXPECT_THAT(other.requests(), SizeIs(3));
}

TEST_F(RegistryClientTest, APauseEndsWithThePull) {
  FakeServer busy([](const FakeRequest&) { return Status(429, {"Retry-After: 60"}); });
  options_.retry.longest_retry_after_ms = 60'000;
  Reference reference = *ParseReference("registry.example/app:v1");
  Interrupt interrupt([&] { return busy.requests().empty(); });
  auto client = RegistryClient::Create(reference, {Host(busy)}, std::nullopt, options_, interrupt);
  EXPECT_EQ((*client)->FetchManifest("v1").error().code, Code::kCancelled);
}

TEST_F(RegistryClientTest, AnAnswerThatWillNotChangeIsNotRepeated) {
  for (int status : {400, 403, 404, 501}) {
    FakeServer server([&](const FakeRequest&) { return Status(status); });
    EXPECT_FALSE(Client({&server})->FetchManifest("v1"));
    EXPECT_THAT(server.requests(), SizeIs(1)) << status;
  }
}

}  // namespace
}  // namespace davit::images

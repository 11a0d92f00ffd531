// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The thread that runs gRPC's asynchronous calls, which wait without a thread of their own.
#pragma once

#include <grpcpp/server_builder.h>

#include <memory>
#include <thread>

#include "base/thread_annotations.h"

namespace davit::cri {

// An operation whose end gRPC reports; its address is the tag of the operation.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void OnComplete(bool ok) = 0;
};

// Calls a method of `Owner`.
template <typename Owner>
class MethodCompletion final : public Completion {
 public:
  MethodCompletion(Owner& owner, void (Owner::*method)(bool ok)) : owner_(owner), method_(method) {}
  void OnComplete(bool ok) override { (owner_.*method_)(ok); }

 private:
  Owner& owner_;
  void (Owner::*method_)(bool ok);
};

class CompletionThread {
 public:
  // Construct it before the server is built. The queue is not frequently polled: with a frequently polled
  // queue, or with gRPC's callback methods, the synchronous methods of a server lose their polling threads,
  // and each call needs one more switch between threads (ServerBuilder::BuildAndStart; 0.1 ms and more on a
  // busy host).
  explicit CompletionThread(grpc::ServerBuilder& builder)
      : queue_(builder.AddCompletionQueue(/*is_frequently_polled=*/false)) {}
  ~CompletionThread() { Stop(); }
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  // Call it after the server is built. An exception ends only the operation that throws it, not the thread.
  void Start();
  // Call it after the server's Shutdown. Blocks until every call has ended, because gRPC aborts the process
  // if an operation begins on a queue that is shut down. Idempotent.
  void Stop() EXCLUDES(mutex_);
  grpc::ServerCompletionQueue& queue() { return *queue_; }

  // Exists as long as a call that may begin operations; Stop waits for it.
  class Call {
   public:
    explicit Call(CompletionThread& thread) : thread_(thread) { thread_.Count(1); }
    ~Call() { thread_.Count(-1); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    CompletionThread& thread_;
  };

 private:
  void Run();
  void Count(int change) EXCLUDES(mutex_);

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::thread thread_;
  bool stopped_ = false;
  Mutex mutex_;
  CondVar changed_;
  int calls_ GUARDED_BY(mutex_) = 0;
};

}  // namespace davit::cri

// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Which proxy a request uses, as the environment says; a hosts.toml may say otherwise (RegistryHost::proxy).
// libcurl's own reading of these variables ignores HTTP_PROXY and some wildcards; this follows Go's
// x/net/http/httpproxy, which the kubelet, containerd and CRI-O use, so that one setting of a node means the
// same to all of them.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "images/url.h"

namespace davit::images {

// The URL of a proxy in the forms that are described below; kInvalidArgument for anything else. The error has
// no part of the text, which may contain a password.
Result<std::string> ParseProxy(std::string text);

// Variables, each in upper case or, if that is not set, in lower case:
//   HTTP_PROXY, HTTPS_PROXY  the proxy for http and https URLs: http://, https://, socks4(a):// or
//   socks5(h)://
//                            URL, or HOST:PORT. It may contain a user name and password.
//   ALL_PROXY                used where the above are not set
//   NO_PROXY                 hosts that are reached directly, separated by commas or spaces, each with or
//                            without ":PORT": an IP address; a network as 10.0.0.0/8; a name, which includes
//                            its subdomains; .name or *.name for the subdomains alone; * for all
// localhost and loopback addresses are always reached directly.
class ProxySettings {
 public:
  // Returns the value of a variable, empty if it is not set.
  using Environment = std::function<std::string(const char* name)>;

  ProxySettings() = default;  // no proxy

  // kFailedPrecondition names a variable that is not a usable proxy URL, but never its value, which may
  // contain a password.
  static Result<ProxySettings> Read(const Environment& environment);
  static Result<ProxySettings> OfThisProcess();

  // The proxy's URL for requests to `url`; empty: no proxy.
  std::string For(const Url& url) const;

 private:
  struct Exception {
    std::string name;    // lower case; "*": every host; "a.b/8": a network
    std::string port;    // empty: every port
    bool itself = true;  // the name itself, not only its subdomains
  };

  static Exception ParseException(std::string_view text);
  static bool Matches(const Exception& exception, const Url& url);

  std::string http_;
  std::string https_;
  std::vector<Exception> exceptions_;
};

}  // namespace davit::images

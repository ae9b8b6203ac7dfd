package httpevent

import "github.com/aws/aws-lambda-go/events"

// The functions of this file say where the members of an event's JSON go. A name that is missing here is found by
// encoding/json: see [scanner.object].

func v2Member(in *events.APIGatewayV2HTTPRequest, name []byte) any {
	switch string(name) {
	case "version":
		return &in.Version
	case "routeKey":
		return &in.RouteKey
	case "rawPath":
		return &in.RawPath
	case "rawQueryString":
		return &in.RawQueryString
	case "cookies":
		return &in.Cookies
	case "headers":
		return &in.Headers
	case "queryStringParameters":
		return &in.QueryStringParameters
	case "pathParameters":
		return &in.PathParameters
	case "requestContext":
		return &in.RequestContext
	case "stageVariables":
		return &in.StageVariables
	case "body":
		return &in.Body
	case "isBase64Encoded":
		return &in.IsBase64Encoded
	}
	return nil
}

func v2ContextMember(c *events.APIGatewayV2HTTPRequestContext, name []byte) any {
	switch string(name) {
	case "routeKey":
		return &c.RouteKey
	case "accountId":
		return &c.AccountID
	case "stage":
		return &c.Stage
	case "requestId":
		return &c.RequestID
	case "authorizer":
		return &c.Authorizer
	case "apiId":
		return &c.APIID
	case "domainName":
		return &c.DomainName
	case "domainPrefix":
		return &c.DomainPrefix
	case "time":
		return &c.Time
	case "timeEpoch":
		return &c.TimeEpoch
	case "http":
		return &c.HTTP
	case "authentication":
		return &c.Authentication
	}
	return nil
}

func exchangeMember(name []byte, method, path, protocol, sourceIP, userAgent *string) any {
	switch string(name) {
	case "method":
		return method
	case "path":
		return path
	case "protocol":
		return protocol
	case "sourceIp":
		return sourceIP
	case "userAgent":
		return userAgent
	}
	return nil
}

func urlMember(in *events.LambdaFunctionURLRequest, name []byte) any {
	switch string(name) {
	case "version":
		return &in.Version
	case "rawPath":
		return &in.RawPath
	case "rawQueryString":
		return &in.RawQueryString
	case "cookies":
		return &in.Cookies
	case "headers":
		return &in.Headers
	case "queryStringParameters":
		return &in.QueryStringParameters
	case "requestContext":
		return &in.RequestContext
	case "body":
		return &in.Body
	case "isBase64Encoded":
		return &in.IsBase64Encoded
	}
	return nil
}

func urlContextMember(c *events.LambdaFunctionURLRequestContext, name []byte) any {
	switch string(name) {
	case "accountId":
		return &c.AccountID
	case "requestId":
		return &c.RequestID
	case "authorizer":
		return &c.Authorizer
	case "apiId":
		return &c.APIID
	case "domainName":
		return &c.DomainName
	case "domainPrefix":
		return &c.DomainPrefix
	case "time":
		return &c.Time
	case "timeEpoch":
		return &c.TimeEpoch
	case "http":
		return &c.HTTP
	}
	return nil
}

func restMember(in *events.APIGatewayProxyRequest, name []byte) any {
	switch string(name) {
	case "resource":
		return &in.Resource
	case "path":
		return &in.Path
	case "httpMethod":
		return &in.HTTPMethod
	case "headers":
		return &in.Headers
	case "multiValueHeaders":
		return &in.MultiValueHeaders
	case "queryStringParameters":
		return &in.QueryStringParameters
	case "multiValueQueryStringParameters":
		return &in.MultiValueQueryStringParameters
	case "pathParameters":
		return &in.PathParameters
	case "stageVariables":
		return &in.StageVariables
	case "requestContext":
		return &in.RequestContext
	case "body":
		return &in.Body
	case "isBase64Encoded":
		return &in.IsBase64Encoded
	}
	return nil
}

func albMember(in *events.ALBTargetGroupRequest, name []byte) any {
	switch string(name) {
	case "httpMethod":
		return &in.HTTPMethod
	case "path":
		return &in.Path
	case "queryStringParameters":
		return &in.QueryStringParameters
	case "multiValueQueryStringParameters":
		return &in.MultiValueQueryStringParameters
	case "headers":
		return &in.Headers
	case "multiValueHeaders":
		return &in.MultiValueHeaders
	case "requestContext":
		return &in.RequestContext
	case "body":
		return &in.Body
	case "isBase64Encoded":
		return &in.IsBase64Encoded
	}
	return nil
}

func restContextMember(c *events.APIGatewayProxyRequestContext, name []byte) any {
	switch string(name) {
	case "accountId":
		return &c.AccountID
	case "resourceId":
		return &c.ResourceID
	case "operationName":
		return &c.OperationName
	case "stage":
		return &c.Stage
	case "domainName":
		return &c.DomainName
	case "domainPrefix":
		return &c.DomainPrefix
	case "requestId":
		return &c.RequestID
	case "extendedRequestId":
		return &c.ExtendedRequestID
	case "protocol":
		return &c.Protocol
	case "identity":
		return &c.Identity
	case "resourcePath":
		return &c.ResourcePath
	case "path":
		return &c.Path
	case "authorizer":
		return &c.Authorizer
	case "httpMethod":
		return &c.HTTPMethod
	case "requestTime":
		return &c.RequestTime
	case "requestTimeEpoch":
		return &c.RequestTimeEpoch
	case "apiId":
		return &c.APIID
	}
	return nil
}

func identityMember(i *events.APIGatewayRequestIdentity, name []byte) any {
	switch string(name) {
	case "cognitoIdentityPoolId":
		return &i.CognitoIdentityPoolID
	case "accountId":
		return &i.AccountID
	case "cognitoIdentityId":
		return &i.CognitoIdentityID
	case "caller":
		return &i.Caller
	case "apiKey":
		return &i.APIKey
	case "apiKeyId":
		return &i.APIKeyID
	case "accessKey":
		return &i.AccessKey
	case "sourceIp":
		return &i.SourceIP
	case "cognitoAuthenticationType":
		return &i.CognitoAuthenticationType
	case "cognitoAuthenticationProvider":
		return &i.CognitoAuthenticationProvider
	case "userArn":
		return &i.UserArn
	case "userAgent":
		return &i.UserAgent
	case "user":
		return &i.User
	case "clientCert":
		return &i.ClientCert
	}
	return nil
}

func certMember(c *events.APIGatewayV2HTTPRequestContextAuthenticationClientCert, name []byte) any {
	switch string(name) {
	case "clientCertPem":
		return &c.ClientCertPem
	case "issuerDN":
		return &c.IssuerDN
	case "serialNumber":
		return &c.SerialNumber
	case "subjectDN":
		return &c.SubjectDN
	case "validity":
		return &c.Validity
	}
	return nil
}

func validityMember(v *events.APIGatewayV2HTTPRequestContextAuthenticationClientCertValidity, name []byte) any {
	switch string(name) {
	case "notAfter":
		return &v.NotAfter
	case "notBefore":
		return &v.NotBefore
	}
	return nil
}

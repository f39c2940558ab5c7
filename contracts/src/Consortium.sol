// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;

/// @title Members who act together: a call is proposed, approved by `threshold` members, then executed.
/// @dev A change of membership starts a new epoch, in which open proposals and their votes are void. A proposal also
/// lapses with time, and an approval can be taken back: nothing approved long ago can be executed by surprise.
contract Consortium {
    struct Proposal {
        address target;
        uint40 expiresAt;
        uint16 approvals;
        bool executed;
        uint64 epoch;
        bytes data;
    }

    /// @notice The most members that a consortium may have.
    uint256 public constant MAX_MEMBERS = 64;
    /// @notice How long a proposal may be approved and executed.
    uint256 public constant PROPOSAL_LIFETIME = 30 days;

    /// @notice Approvals needed to execute.
    uint16 public threshold;
    /// @notice Raised by every change of membership.
    uint64 public epoch;

    address[] private _members;
    mapping(address => bool) public isMember;
    Proposal[] private _proposals;
    mapping(uint256 => mapping(address => bool)) public hasApproved;

    event Proposed(uint256 indexed id, address indexed member, address indexed target, bytes data);
    event Approved(uint256 indexed id, address indexed member);
    event ApprovalRevoked(uint256 indexed id, address indexed member);
    event Executed(uint256 indexed id);
    event MembershipChanged(uint64 indexed epoch, address[] members, uint16 threshold);

    error NotMember(address caller);
    error NotSelf(address caller);
    error AlreadyMember(address member);
    error InvalidMember(address member);
    error TooManyMembers(uint256 count, uint256 limit);
    error InvalidThreshold(uint256 threshold, uint256 members);
    error UnknownProposal(uint256 id);
    error ProposalVoid(uint256 id);
    error ProposalExpired(uint256 id, uint256 expiresAt);
    error NotApproved(uint256 id, address member);
    error AlreadyApproved(uint256 id, address member);
    error AlreadyExecuted(uint256 id);
    error NotEnoughApprovals(uint256 id, uint256 approvals, uint256 threshold);
    error NotAContract(address target);
    error CallFailed(address target);

    modifier onlyMember() {
        if (!isMember[msg.sender]) revert NotMember(msg.sender);
        _;
    }

    constructor(address[] memory founders, uint16 initialThreshold) {
        for (uint256 i = 0; i < founders.length; ++i) {
            _add(founders[i]);
        }
        _setThreshold(initialThreshold);
        emit MembershipChanged(epoch, founders, initialThreshold);
    }

    /// @notice Proposes a call and approves it.
    function propose(address target, bytes calldata data) external onlyMember returns (uint256 id) {
        id = _proposals.length;
        Proposal storage created = _proposals.push();
        created.target = target;
        created.expiresAt = uint40(block.timestamp + PROPOSAL_LIFETIME);
        created.epoch = epoch;
        created.data = data;
        emit Proposed(id, msg.sender, target, data);
        _approve(id, created);
    }

    /// @notice Adds the caller's approval to an open proposal.
    function approve(uint256 id) external onlyMember {
        _approve(id, _open(id));
    }

    /// @notice Takes the caller's approval of an open proposal back.
    function revokeApproval(uint256 id) external onlyMember {
        Proposal storage approved = _open(id);
        if (!hasApproved[id][msg.sender]) revert NotApproved(id, msg.sender);
        hasApproved[id][msg.sender] = false;
        --approved.approvals;
        emit ApprovalRevoked(id, msg.sender);
    }

    /// @notice Performs an approved call, once. A failure of the call is passed on unchanged.
    function execute(uint256 id) external onlyMember {
        Proposal storage approved = _open(id);
        if (approved.approvals < threshold) revert NotEnoughApprovals(id, approved.approvals, threshold);
        address target = approved.target;
        if (target.code.length == 0) revert NotAContract(target);
        approved.executed = true;
        emit Executed(id);
        (bool ok, bytes memory returned) = target.call(approved.data);
        if (!ok) {
            if (returned.length == 0) revert CallFailed(target);
            assembly ("memory-safe") {
                revert(add(returned, 32), mload(returned))
            }
        }
    }

    /// @notice Removes and adds members and sets the threshold; only through a proposal.
    function changeMembership(address[] calldata removed, address[] calldata added, uint16 newThreshold) external {
        if (msg.sender != address(this)) revert NotSelf(msg.sender);
        for (uint256 i = 0; i < removed.length; ++i) {
            _remove(removed[i]);
        }
        for (uint256 i = 0; i < added.length; ++i) {
            _add(added[i]);
        }
        _setThreshold(newThreshold);
        ++epoch;
        emit MembershipChanged(epoch, _members, newThreshold);
    }

    function members() external view returns (address[] memory) {
        return _members;
    }

    function proposal(uint256 id) external view returns (Proposal memory) {
        if (id >= _proposals.length) revert UnknownProposal(id);
        return _proposals[id];
    }

    function proposalCount() external view returns (uint256) {
        return _proposals.length;
    }

    function _open(uint256 id) private view returns (Proposal storage found) {
        if (id >= _proposals.length) revert UnknownProposal(id);
        found = _proposals[id];
        if (found.executed) revert AlreadyExecuted(id);
        if (found.epoch != epoch) revert ProposalVoid(id);
        if (block.timestamp > found.expiresAt) revert ProposalExpired(id, found.expiresAt);
    }

    function _approve(uint256 id, Proposal storage open) private {
        if (hasApproved[id][msg.sender]) revert AlreadyApproved(id, msg.sender);
        hasApproved[id][msg.sender] = true;
        ++open.approvals;
        emit Approved(id, msg.sender);
    }

    function _add(address member) private {
        if (member == address(0) || member == address(this)) revert InvalidMember(member);
        if (isMember[member]) revert AlreadyMember(member);
        if (_members.length == MAX_MEMBERS) revert TooManyMembers(MAX_MEMBERS + 1, MAX_MEMBERS);
        isMember[member] = true;
        _members.push(member);
    }

    function _remove(address member) private {
        if (!isMember[member]) revert NotMember(member);
        isMember[member] = false;
        uint256 last = _members.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (_members[i] == member) {
                _members[i] = _members[last];
                break;
            }
        }
        _members.pop();
    }

    function _setThreshold(uint16 newThreshold) private {
        if (newThreshold == 0 || newThreshold > _members.length) {
            revert InvalidThreshold(newThreshold, _members.length);
        }
        threshold = newThreshold;
    }
}

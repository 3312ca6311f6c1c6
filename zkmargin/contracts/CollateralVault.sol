// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  Collateral of one venue on one chain. docs/collateral.md says what is built on it.
/// @notice A holder locks coins under a note, a hash that fixes which account they back without saying it. They leave
///         only by `release`, at least `delay` seconds after the lock was last Active, so whatever was attested of an
///         Active lock is void before its coins can move; or by `seize`, for which the venue must show the opening of
///         the note. Nobody else can move, change or stop anything: no administrator, no upgrade, no pause.
/// @dev    `venue`, `venueId`, `delay` and `chain` are immutables, part of the code: the code's hash pins them.
contract CollateralVault {
    enum Status {
        None,
        Active,
        ReleaseRequested,
        Released,
        Seized
    }

    /// @dev Storage proofs read these two words. Bit 0 is the lowest of a word.
    ///      word 0: owner 0-159 | status 160-167 | unlockAt 168-207 | releaseAt 208-247 | zero 248-255
    ///      word 1: asset 0-159 | amount 160-255
    struct Lock {
        address owner;
        Status status;
        uint40 unlockAt; // the owner's own term, Unix seconds: no release before it, unless the venue seizes
        uint40 releaseAt; // 0 while Active, else the first second at which `release` pays
        address asset; // an ERC-20 token, or 0 for the chain's own coin
        uint96 amount; // what the vault holds of this lock, in base units: never grows, 0 once paid
    }

    /// @dev Slot 0: word 0 of a lock is at keccak256(lockId | 0^32), word 1 in the slot after it. Nothing is deleted, so
    ///      an id is never used twice.
    mapping(bytes32 lockId => Lock) public locks;

    /// @dev EIP-1153: in no storage slot, and false again when the transaction ends.
    bool private transient entered;

    address public immutable venue;
    bytes32 public immutable venueId;
    uint40 public immutable delay;
    /// @notice Digest of this chain's CAIP-2 id and genesis hash. The vault cannot check it; who reads the vault does.
    bytes32 public immutable chain;

    /// @dev sha256("zkmargin/pledge-note/v1"), which solc would hash again in every call.
    bytes32 private constant NOTE_TAG = 0x4fd38d306753772abebeacc903e6d32d539928f7537bda63d50a3fe67da6f616;
    uint40 private constant MAX_DELAY = 366 days;

    event Locked(
        bytes32 indexed lockId, address indexed owner, bytes32 note, address asset, uint96 amount, uint40 unlockAt
    );
    event Extended(bytes32 indexed lockId, uint40 unlockAt);
    event ReleaseRequested(bytes32 indexed lockId, uint40 releaseAt);
    event Released(bytes32 indexed lockId, uint96 amount);
    event Seized(bytes32 indexed lockId, uint96 take);

    error BadConstruction(); // no venue, or a delay of zero or more than a year
    error Reentered(); // a token or a recipient called back
    error ZeroAmount();
    error WrongValue(); // native: not the amount; ERC-20: coins sent along
    error NotAToken(); // no code at the asset's address
    error InexactTransfer(); // the vault did not receive exactly the amount: a fee, or a token that lies
    error TransferFailed();
    error AlreadyUsed(); // this owner has locked under this note before
    error WrongStatus(Status status); // None: no lock of this owner under this note
    error NotLater(uint40 unlockAt); // the term stands at this time already
    error TooEarly(uint40 releaseAt);
    error NothingHeld();
    error NotTheVenue();
    error WrongOpening(); // the note, hence the lock, is of something else
    error TakesTooMuch(uint96 amount);

    /// @dev On every function that changes state: a token may call any of them from inside a transfer.
    modifier once() {
        require(!entered, Reentered());
        entered = true;
        _;
        entered = false;
    }

    constructor(address venue_, bytes32 venueId_, uint40 delay_, bytes32 chain_) {
        require(venue_ != address(0) && delay_ != 0 && delay_ <= MAX_DELAY, BadConstruction());
        venue = venue_;
        venueId = venueId_;
        delay = delay_;
        chain = chain_;
    }

    /// @notice Lock `amount` of `asset` under `note`. What the note says is not checked: a wrong one backs no account,
    ///         and can be released like any other.
    /// @dev    The id names the owner: who copies a note from the mempool gets another id, and takes nobody's.
    function lock(address asset, uint96 amount, bytes32 note, uint40 unlockAt)
        external
        payable
        once
        returns (bytes32 lockId)
    {
        require(amount != 0, ZeroAmount());
        lockId = lockIdOf(msg.sender, note);
        require(locks[lockId].status == Status.None, AlreadyUsed());
        locks[lockId] = Lock(msg.sender, Status.Active, unlockAt, 0, asset, amount);
        emit Locked(lockId, msg.sender, note, asset, amount, unlockAt);
        if (asset == address(0)) {
            require(msg.value == amount, WrongValue());
        } else {
            require(msg.value == 0, WrongValue());
            pull(asset, amount);
        }
    }

    /// @notice Set a later term, and take back a request to release.
    function extend(bytes32 note, uint40 unlockAt) external once {
        bytes32 lockId = lockIdOf(msg.sender, note);
        Lock storage held = locks[lockId];
        require(held.status == Status.Active || held.status == Status.ReleaseRequested, WrongStatus(held.status));
        require(unlockAt > held.unlockAt, NotLater(held.unlockAt));
        held.unlockAt = unlockAt;
        held.status = Status.Active;
        held.releaseAt = 0;
        emit Extended(lockId, unlockAt);
    }

    /// @notice Ask for the coins. They can go at the end of the term, and not before `delay` has passed.
    function requestRelease(bytes32 note) external once {
        bytes32 lockId = lockIdOf(msg.sender, note);
        Lock storage held = locks[lockId];
        require(held.status == Status.Active, WrongStatus(held.status));
        uint40 releaseAt = afterDelay();
        if (releaseAt < held.unlockAt) releaseAt = held.unlockAt;
        held.status = Status.ReleaseRequested;
        held.releaseAt = releaseAt;
        emit ReleaseRequested(lockId, releaseAt);
    }

    /// @notice Pay the owner: a lock whose release was asked for, or what a seizure left of one.
    function release(bytes32 note) external once {
        bytes32 lockId = lockIdOf(msg.sender, note);
        Lock storage held = locks[lockId];
        Status status = held.status;
        require(status == Status.ReleaseRequested || status == Status.Seized, WrongStatus(status));
        require(block.timestamp >= held.releaseAt, TooEarly(held.releaseAt));
        uint96 amount = held.amount;
        require(amount != 0, NothingHeld());
        held.amount = 0;
        if (status == Status.ReleaseRequested) held.status = Status.Released;
        emit Released(lockId, amount);
        pay(held.asset, msg.sender, amount);
    }

    /// @notice Take `take` of a lock for the venue, by the opening of its note, which becomes public. Whatever is left
    ///         stays for the owner to `release`: of an Active lock from `delay` after now on, whatever its term; else
    ///         from the time on that the request has set.
    /// @dev    Nothing is sent to the owner here: an owner that refuses payments could stop the seizure.
    /// @param  commitment 48 bytes, the compressed point of the pledge.
    function seize(bytes32 lockId, bytes32 account, bytes calldata commitment, bytes32 secret, uint96 take)
        external
        once
    {
        require(msg.sender == venue, NotTheVenue());
        Lock storage held = locks[lockId];
        Status status = held.status;
        require(status == Status.Active || status == Status.ReleaseRequested, WrongStatus(status));
        require(commitment.length == 48, WrongOpening());
        require(lockIdOf(held.owner, noteOf(held, account, commitment, secret)) == lockId, WrongOpening());
        uint96 amount = held.amount;
        require(take <= amount, TakesTooMuch(amount));
        held.amount = amount - take;
        held.status = Status.Seized;
        if (status == Status.Active) held.releaseAt = afterDelay();
        emit Seized(lockId, take);
        pay(held.asset, venue, take);
    }

    function lockIdOf(address owner, bytes32 note) public pure returns (bytes32) {
        return keccak256(abi.encode(owner, note));
    }

    /// @dev Eleven words of fixed length. bytes16 is padded behind, by zeros, to a word.
    function noteOf(Lock storage held, bytes32 account, bytes calldata commitment, bytes32 secret)
        private
        view
        returns (bytes32)
    {
        return sha256(
            abi.encode(
                NOTE_TAG,
                chain,
                address(this),
                held.owner,
                held.asset,
                held.amount,
                venueId,
                account,
                bytes32(commitment[:32]),
                bytes16(commitment[32:]),
                secret
            )
        );
    }

    /// @dev Fits 40 bits for 34,000 years: MAX_DELAY bounds what is added.
    function afterDelay() private view returns (uint40) {
        return uint40(block.timestamp + delay);
    }

    function pull(address token, uint256 amount) private {
        require(token.code.length != 0, NotAToken());
        uint256 before = IERC20(token).balanceOf(address(this));
        callToken(token, abi.encodeCall(IERC20.transferFrom, (msg.sender, address(this), amount)));
        // A token may answer anything, above all a smaller balance than before.
        uint256 present = IERC20(token).balanceOf(address(this));
        require(present >= before && present - before == amount, InexactTransfer());
    }

    function pay(address asset, address to, uint256 amount) private {
        if (asset == address(0)) {
            (bool paid,) = to.call{value: amount}("");
            require(paid, TransferFailed());
        } else {
            callToken(asset, abi.encodeCall(IERC20.transfer, (to, amount)));
        }
    }

    /// @dev Tokens answer true, or nothing at all; both are success.
    function callToken(address token, bytes memory data) private {
        (bool called, bytes memory answer) = token.call(data);
        require(called && (answer.length == 0 || abi.decode(answer, (bool))), TransferFailed());
    }
}

interface IERC20 {
    function balanceOf(address holder) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}
